#!/bin/bash
# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# Debian ships MLIR without its Python bindings; their sources are in Debian's own source
# package. This prints the folder that holds them for the installed MLIR, after fetching
# them if need be (about 200 MB to download, 2 MB kept).
#
#   fetch-mlir-python-sources.sh VERSION LLVM_INCLUDE_DIR
#
# The archive is the one that this machine's apt is configured for; apt checks the
# signature, and we check the tarball's own sum where we know it.
set -euo pipefail

version=$1
include=$2
major=${version%%.*}
cache=${STEPWELL_SOURCE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/stepwell-build}
folder=$cache/mlir-python-$version

declare -A sums=(
  [22.1.8]=b49b9277aef97616320b2da259e1f8174c65b0ce2fbe2e8629644a97693402fe
)

fail() {
  echo "fetch-mlir-python-sources: $*" >&2
  exit 1
}

finish() {
  ln -sfn "$include" "$folder/mlir/include"
  echo "$folder"
  exit 0
}

[ -e "$folder/complete" ] && finish
command -v apt-get >/dev/null || fail "no apt-get here"
mkdir -p "$cache"
work=$(mktemp -d "$cache/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The first configured archive is the distribution's; security archives lack sources of
# packages that a later suite carries.
archive=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | awk 'NF && !found++')
[ -n "$archive" ] || fail "apt has no archive configured"
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/source"
for suite in trixie trixie-updates sid; do
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  echo "deb-src [signed-by=$keyring] $archive $suite main"
done >"$work/sources.list"
apt=(-q -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=-
  -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o Acquire::Languages=none
  -o "APT::Sandbox::User=$(id -un)" -o Acquire::Retries=1 -o Acquire::http::Timeout=30)

# A suite that is missing is no error while another has the version.
apt-get "${apt[@]}" update >"$work/log" 2>&1 || true
package=$(apt-cache "${apt[@]}" showsrc "llvm-toolchain-$major" 2>/dev/null |
  awk -v want="$version" '$1 == "Version:" && index($2, want "-") && !found++ { print $2 }')
[ -n "$package" ] || fail "apt's archive has no source package of LLVM $version"
(cd "$work/source" && apt-get "${apt[@]}" source --download-only --tar-only \
  "llvm-toolchain-$major=$package" >>"$work/log" 2>&1) ||
  fail "apt could not download the source package of LLVM $version"

tarball=$(find "$work/source" -name "llvm-toolchain-${major}_${version}.orig.tar.*" ! -name '*.asc')
[ -f "$tarball" ] || fail "the source package of LLVM $version holds no tarball"
if [ -n "${sums[$version]:-}" ]; then
  echo "${sums[$version]}  $tarball" | sha256sum --check --status ||
    fail "$(basename "$tarball") is not the tarball that was expected (sha256 differs)"
fi
mkdir -p "$work/out"
tar -xf "$tarball" -C "$work/out" --strip-components=1 --wildcards \
  '*/mlir/python/*' '*/mlir/lib/Bindings/Python/*'
touch "$work/out/complete"
rm -rf "$folder"
mv "$work/out" "$folder"
finish
