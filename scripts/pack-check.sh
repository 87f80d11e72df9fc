#!/bin/sh
# Packs exai, installs the tarball into an empty folder as a user would, and runs what was installed there.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "pack-check: $1" >&2
  exit 1
}

cd "$root"
npm pack --silent --pack-destination "$work" >"$work/pack.log" 2>&1 || { cat "$work/pack.log" >&2; fail 'npm pack failed'; }
tarball=$(echo "$work"/exai-*.tgz)
tar -tzf "$tarball" >"$work/files"
for file in bin/exai dist/package.json dist/src/main.js dist/gen/ts/exai/v1/chat_service_pb.d.ts proto/exai/v1/chat_service.proto; do
  grep -qx "package/$file" "$work/files" || fail "$file is not in the package"
done
if grep -E '^package/(src|tests|scripts|node_modules|build|data)/|/\.env$' "$work/files"; then fail 'these files do not belong into the package'; fi

mkdir "$work/app"
cd "$work/app"
echo '{"private":true}' >package.json
npm install --loglevel=error --no-audit --no-fund "$tarball" || fail 'npm install of the tarball failed'

want=$(sed -n 's/^ *"version": "\(.*\)",$/\1/p' "$root/package.json" | head -n 1)
have=$(node_modules/.bin/exai --version) || fail 'exai --version failed'
case $have in
  *"$want"*) ;;
  *) fail "exai --version says '$have' instead of $want" ;;
esac
# The generated client, on the Node that the user has.
node --input-type=module -e "
  const { ChatService } = await import('exai/gen/exai/v1/chat_service_pb')
  if (ChatService.typeName !== 'exai.v1.ChatService') process.exit(1)
" || fail 'the generated client can not be imported'
echo "exai $want: packed ($(wc -l <"$work/files") files, $(du -k "$tarball" | cut -f1) KiB), installed, runs"
