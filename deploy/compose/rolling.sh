#!/usr/bin/env bash
# Replaces the instances that have the traffic, one after another: each takes no new calls, ends those that run, and is there
# again before the next one leaves. Change the version of the colour, or any setting, in .env before.
set -euo pipefail
cd "$(dirname "$0")"
. ./proxy.sh

colour=$(active)
for instance in "$colour-1" "$colour-2"; do
  # Whoever leaves must not be the last one.
  awaits "$colour-1"
  awaits "$colour-2"
  echo "replacing $instance"
  $compose up --detach --no-deps --force-recreate --wait "exai-$instance"
  awaits "$instance"
done
echo "replaced $colour-1 and $colour-2"
