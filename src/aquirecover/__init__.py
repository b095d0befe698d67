"""Groundwater recovery under pumping restrictions."""

__version__ = "0.1.0"
