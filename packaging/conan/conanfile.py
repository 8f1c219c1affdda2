"""lfm2.h for Conan 2. From a clone: conan create packaging/conan; Highway comes from Conan Center, built or as a binary
package; only its headers are used."""
import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout


class Lfm2Conan(ConanFile):
    name = "lfm2"
    description = "LFM2 language models from one static arena: header-only, allocation-free, int4 and SIMD"
    license = "Apache-2.0"
    topics = ("language-model", "embedded", "simd", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    no_copy_source = True

    def _clone(self):
        return os.path.dirname(os.path.dirname(self.recipe_folder))

    def set_version(self):
        text = load(self, os.path.join(self._clone(), "include", "lfm2", "base", "version.h"))
        self.version = re.search(r'LFM2_VERSION_STRING "([^"]+)"', text)[1]

    def export_sources(self):
        copy(self, "*.h", os.path.join(self._clone(), "include"), os.path.join(self.export_sources_folder, "include"))
        copy(self, "LICENSE", self._clone(), self.export_sources_folder)

    def layout(self):
        basic_layout(self)

    def requirements(self):
        self.requires("highway/[>=1.3.0 <2]", libs=False, transitive_headers=True)

    def package_id(self):
        self.info.clear()

    def validate(self):
        check_min_cppstd(self, 17)

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "*.h", os.path.join(self.source_folder, "include"), os.path.join(self.package_folder, "include"))

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.defines = ["HWY_HEADER_ONLY"]
        self.cpp_info.set_property("cmake_file_name", "lfm2")
        self.cpp_info.set_property("cmake_target_name", "lfm2::lfm2")
        self.cpp_info.set_property("pkg_config_name", "lfm2")
