"""What harm is done with."""

from tests.search.mirror.conftest import s3

__all__ = ["s3"]
