#!/bin/bash
# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Makes the build folder's package importable from .venv, and its tools runnable from there:
# a .pth file and links, so that a rebuild needs no install.
#
#   link-venv.sh BUILD VENV
set -euo pipefail
build=$(realpath "$1")
venv=$(realpath "$2")

# Named, because Debian's Python has a default of its own outside a virtual environment (-S).
site=$("$venv/bin/python" -S -c 'import sysconfig; print(sysconfig.get_path("purelib", "posix_prefix", vars={"base": "'"$venv"'"}))')
if [ "$(cat "$site/stepwell-build.pth" 2>/dev/null)" != "$build/python" ]; then
  echo "$build/python" >"$site/stepwell-build.pth"
fi
for tool in stepwell-opt stepwell-compile stepwell-lsp-server; do
  [ -x "$build/bin/$tool" ] && ln -sfn "$build/bin/$tool" "$venv/bin/$tool"
done
exit 0
