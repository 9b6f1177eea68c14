"""Persons, sheets and plots."""
