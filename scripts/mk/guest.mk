# SPDX-License-Identifier: MIT
#
# Hare, the guest: kernel, user programs, boot archive.
