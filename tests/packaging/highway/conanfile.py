"""Highway for Conan from the copy on this machine, instead of Conan Center's."""
import os

from conan import ConanFile
from conan.tools.files import copy


class HighwayConan(ConanFile):
    name = "highway"
    version = "1.3.0"
    package_type = "header-library"

    def package(self):
        copy(self, "hwy/*.h", os.environ["LFM2_TEST_HIGHWAY"], os.path.join(self.package_folder, "include"))
