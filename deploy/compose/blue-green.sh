#!/usr/bin/env bash
# Starts the other colour beside the one that has the traffic, gives it the traffic at once, and lets the first one end its
# calls. Set the version of the other colour in .env before. Called again, it goes back.
set -euo pipefail
cd "$(dirname "$0")"
. ./proxy.sh

from=$(active)
case $from in
  blue) to=green ;;
  green) to=blue ;;
  *)
    echo "the traffic is at $from, which is no colour: correct $map" >&2
    exit 1
    ;;
esac
echo "starting $to"
$compose up --detach --no-deps --force-recreate --wait "exai-$to-1" "exai-$to-2"
awaits "$to-1"
awaits "$to-2"

echo "switching from $from to $to"
# For the next start of the proxy, and for the one that runs: a reload would cut off who keeps a connection.
printf 'active %s\n' "$to" >"$map"
$compose exec --no-TTY proxy bash -c \
  'exec 3<>"/dev/tcp/${PROXY_ADMIN/://}"; echo "set map $PROXY_ACTIVE active $1" >&3; cat <&3' switch "$to"
[ "$(active)" = "$to" ] || {
  echo "the proxy did not take $to: look at its log" >&2
  exit 1
}

echo "ending $from"
$compose stop "exai-$from-1" "exai-$from-2"
echo "$to has the traffic: set COMPOSE_PROFILES=$to in .env"
