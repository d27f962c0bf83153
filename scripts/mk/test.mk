# SPDX-License-Identifier: MIT
#
# Unit tests, micro-guests, boot tests, checks and the bench.
