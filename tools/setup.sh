#!/bin/sh
# Makes everything that the tests need, or says the one command that does.
#
# Programs come from the distribution: a PostgreSQL server, Chromium, a C compiler
# for the race detector, npm and git. They are installed only when missing, and
# only as root or where sudo asks for no password. Test clients (with their Node
# 22) come from the lock file of test/clients, without running any install
# script. The Go tools are built from tools/go.mod into .cache/bin.
# With everything in place nothing is fetched.
set -eu

cd "$(dirname "$0")/.."
mkdir -p .cache/bin

# have looks for a program file: `command -v` alone would also find a function
# of this script that has the program's name, and call the program present.
have() { case $(command -v "$1" 2>/dev/null) in /*) return 0 ;; *) return 1 ;; esac; }

postgres_server() {
	have initdb && return 0
	for d in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin; do
		[ -x "$d/initdb" ] && return 0
	done
	return 1
}

browser() { have chromium || have chromium-browser || have google-chrome; }

# missing prints the distribution's packages that are not here, Debian's names.
missing() {
	postgres_server || echo postgresql
	browser || echo chromium
	have gcc || echo "gcc libc6-dev"
	have npm || echo npm
	have git || echo git
}

install_packages() {
	packages=$(missing | tr '\n' ' ')
	[ -n "$packages" ] || return 0
	root=
	[ "$(id -u)" = 0 ] || root=sudo
	echo "tools: missing: $packages"
	if have apt-get && { [ -z "$root" ] || sudo -n true 2>/dev/null; }; then
		echo "tools: installing them with apt-get"
		$root apt-get update -qq
		# shellcheck disable=SC2086 # a list of words
		$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
		packages=$(missing | tr '\n' ' ')
		[ -z "$packages" ] && return 0
		echo "tools: still missing after the installation: $packages" >&2
		exit 1
	fi
	echo "tools: install them with this command, then call make again (on another system: the packages of the same meaning):" >&2
	echo "    sudo apt-get install -y --no-install-recommends $packages" >&2
	exit 1
}

# digest names the state of some files, to redo a step only when they change.
digest() { cat "$@" | cksum | tr ' ' '-'; }

install_clients() {
	stamp=.cache/clients-$(digest test/clients/package.json test/clients/package-lock.json)
	[ -e "$stamp" ] && [ -d test/clients/node_modules ] && return 0
	echo "tools: installing the test clients of test/clients (locked, no install scripts)"
	(cd test/clients && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
	rm -f .cache/clients-*
	: >"$stamp"
}

build_go_tools() {
	stamp=.cache/tools-$( (cat tools/go.mod tools/go.sum; go version) | cksum | tr ' ' '-')
	[ -e "$stamp" ] && [ -x .cache/bin/staticcheck ] && [ -x .cache/bin/gosec ] && [ -x .cache/bin/govulncheck ] && return 0
	echo "tools: building staticcheck, gosec and govulncheck (some minutes, once)"
	bin=$(pwd)/.cache/bin
	(cd tools && GOFIPS140=off CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$bin/" tool)
	rm -f .cache/tools-*
	: >"$stamp"
}

install_packages
install_clients
build_go_tools
echo "tools: all present"
