# SPDX-License-Identifier: Apache-2.0
"""Skips by what the place offers; asked when the test runs, in the session's namespaces."""
import functools

import pytest


def needs(probe, *args):
    """Skips with the reason that the probe gives, if any."""
    def decorate(test):
        @functools.wraps(test)
        def wrapper(*a, **kw):
            reason = probe(*args)
            if reason:
                pytest.skip(reason)
            return test(*a, **kw)
        return wrapper
    return decorate
