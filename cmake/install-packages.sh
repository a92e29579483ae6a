#!/bin/bash
# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Installs what the build needs, and the packages that are named, where this Debian machine
# lacks them; no work when nothing lacks.
set -euo pipefail

packages=(
  clang-22 clang-format-22 lld-22 llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools
  spirv-tools libvulkan1 mesa-vulkan-drivers # tests of the SPIR-V target: validator, Vulkan on the CPU
  gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user # tests of programs for another processor
  cmake ninja-build ccache make git ca-certificates python3-dev python3-venv
  "$@"
)

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "Missing packages: ${missing[*]}"
run=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "Install them as root: apt-get install ${missing[*]}" >&2
    exit 1
  }
  run=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
"${run[@]}" apt-get -q update
"${run[@]}" apt-get -q install --yes --no-install-recommends "${missing[@]}"
