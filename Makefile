PYTHON ?= python3.11
VENV := .venv

.PHONY: help
