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
[ "$(id -u)" = 0 ] || sudo=sudo
${sudo:-} apt-get -qq update
# The package and what this system lacks of what it needs.
apt-get -qq install --download-only --no-install-recommends -o Debug::NoLocking=1 -o Dir::Cache::archives="$root" redis-server >/dev/null
for package in "$root"/*.deb; do
    dpkg -x "$package" "$root"
done
rm -rf "$root"/*.deb "$root/partial"
libraries=$(find "$root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd: -)
rm -f "$target"
cat >"$target" <<SCRIPT
#!/bin/sh
LD_LIBRARY_PATH=$libraries exec $root/usr/bin/redis-server "\$@"
SCRIPT
chmod +x "$target"
is7 "$target" || { echo "no Redis 7 server: $("$target" --version 2>&1)" >&2; exit 1; }
