"""For all tests in Python."""

from tests.support import janitor

janitor.hire()
