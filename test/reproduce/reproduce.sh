#!/bin/sh
# Builds bin/postern twice, in two folders of different depth, the second with
# an empty build cache, another home, time zone, language, umask and parallelism,
# and compares the two files. A difference means that somebody who checks a
# release by building it would see another program than the one that is shipped.
set -eu

cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

copy() {
	mkdir -p "$1"
	tar -cf - --exclude=./.git --exclude=./.cache --exclude=./bin --exclude=node_modules . | tar -xf - -C "$1"
}

first=$work/a
second=$work/another/folder/with-a-longer-name
copy "$first"
copy "$second"
modules=$(go env GOMODCACHE)

(cd "$first" && make --no-print-directory build)
(
	umask 077
	cd "$second"
	env HOME="$work/home" TZ=Pacific/Chatham LC_ALL=C GOCACHE="$work/cache" GOMODCACHE="$modules" GOFLAGS="-p=1 -modcacherw" \
		make --no-print-directory build
)

one=$(sha256sum <"$first/bin/postern" | cut -d' ' -f1)
two=$(sha256sum <"$second/bin/postern" | cut -d' ' -f1)
echo "reproduce: $one"
echo "reproduce: $two"
if [ "$one" != "$two" ]; then
	echo "reproduce: the two builds differ" >&2
	go version -m "$first/bin/postern" >"$work/1" && go version -m "$second/bin/postern" >"$work/2" && diff "$work/1" "$work/2" >&2
	exit 1
fi
size=$(wc -c <"$first/bin/postern")
echo "reproduce: equal, $size bytes"
