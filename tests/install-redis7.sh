#!/usr/bin/env bash
# Makes TARGET run a Redis 7.x server: the one on PATH if it is that version, else Debian's package, unpacked beside
# TARGET without being installed (no service is started, nothing outside the folder changes).
set -euo pipefail
target=$1
root=$(dirname "$target")/../redis7

is7() { [[ $("$1" --version 2>/dev/null) == *"Redis server v=7."* ]]; }

if found=$(command -v redis-server) && is7 "$found"; then
    ln -sf "$found" "$target"
    exit
fi

mkdir -p "$root"
root=$(cd "$root" && pwd)
apt-get -qq update
(cd "$root" && apt-get -qq download redis-server redis-tools libatomic1 libcap2 libgcrypt20 libgpg-error0 libjemalloc2 \
    liblz4-1 liblzf1 liblzma5 libssl3 libsystemd0 libzstd1)
for package in "$root"/*.deb; do
    dpkg -x "$package" "$root"
done
rm "$root"/*.deb
libraries=$(find "$root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
rm -f "$target"
cat >"$target" <<SCRIPT
#!/bin/sh
LD_LIBRARY_PATH=$libraries exec $root/usr/bin/redis-server "\$@"
SCRIPT
chmod +x "$target"
is7 "$target" || { echo "no Redis 7 server: $("$target" --version 2>&1)" >&2; exit 1; }
