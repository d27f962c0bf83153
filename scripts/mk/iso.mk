# SPDX-License-Identifier: MIT
#
# The bootable image, and running it.
