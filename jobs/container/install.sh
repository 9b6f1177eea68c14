#!/usr/bin/env bash
# Installs the project that lies in the current folder into its .venv: what Containerfile and apptainer.def both run
# as root on Debian 12.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive PIP_NO_CACHE_DIR=1
apt-get update -q
apt-get install -qy --no-install-recommends ca-certificates make python3 python3-venv
rm -rf /var/lib/apt/lists/*
make .venv/.installed
