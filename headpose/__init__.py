"""Finds human heads in pictures and says where each one is turned."""

__version__ = "0.1.0"
