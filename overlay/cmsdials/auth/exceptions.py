"""The errors of logging in, under the path that scripts written for cmsdials 1.8 import them from.

They belong to the tree of `cmsdials.errors`, like all others.
"""

from cmsdials.errors import ImpossibleToRefreshTokenError, LoginError, PendingAuthorizationError

__all__ = ["ImpossibleToRefreshTokenError", "LoginError", "PendingAuthorizationError"]
