"""The lab's own tests use the lab's fixtures."""

from tests.lab.fixtures import tryton, tryton_built, tryton_shared

__all__ = ["tryton", "tryton_built", "tryton_shared"]
