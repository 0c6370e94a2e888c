"""Tests of hello.py: `make test` runs them."""

from hello import hello


def test_hello():
    assert hello() == "Hello, world!"


def test_hello_by_name():
    assert hello("Ada") == "Hello, Ada!"
