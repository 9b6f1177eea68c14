"""Persons from photographs, and how well they were found."""
