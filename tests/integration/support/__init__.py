# SPDX-License-Identifier: Apache-2.0
"""What the integration tests share: the runtime, bundles, terminals, and the check for leftovers."""
