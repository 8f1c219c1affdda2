################################################################################
#
# lfm2
#
################################################################################

# A folder with a copy of the repository: set LFM2_OVERRIDE_SRCDIR in local.mk.
LFM2_VERSION = 0.1.0
LFM2_SITE = $(TOPDIR)/../lfm2
LFM2_SITE_METHOD = local
LFM2_LICENSE = Apache-2.0
LFM2_LICENSE_FILES = LICENSE
LFM2_INSTALL_STAGING = YES
LFM2_DEPENDENCIES = highway
LFM2_CONF_OPTS = \
	-DLFM2_BUILD_TESTS=OFF \
	-DLFM2_BUILD_EXAMPLES=OFF \
	-DLFM2_NATIVE=OFF \
	-DLFM2_HIGHWAY_FETCH=OFF \
	-DLFM2_HIGHWAY_DIR=$(STAGING_DIR)/usr/include

ifeq ($(BR2_PACKAGE_LFM2_TOOLS),y)
LFM2_DEPENDENCIES += cli11 json-for-modern-cpp
LFM2_CONF_OPTS += -DLFM2_BUILD_TOOLS=ON
define LFM2_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(@D)/bin/chat $(TARGET_DIR)/usr/bin/lfm2-chat
	$(INSTALL) -D -m 0755 $(@D)/bin/lfm2-bench $(TARGET_DIR)/usr/bin/lfm2-bench
endef
else
LFM2_CONF_OPTS += -DLFM2_BUILD_TOOLS=OFF
LFM2_INSTALL_TARGET = NO
endif

$(eval $(cmake-package))
