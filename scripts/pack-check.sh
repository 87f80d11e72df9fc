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
for file in bin/exai dist/package.json dist/bundle/main.js dist/bundle/worker.js dist/bundle/pdf-worker.js dist/src/client/node.js dist/web/dist/index.html dist/gen/ts/exai/v1/chat_service_pb.d.ts proto/exai/v1/chat_service.proto; do
  grep -qx "package/$file" "$work/files" || fail "$file is not in the package"
done
if grep -E '^package/(src|tests|scripts|node_modules|build|data)/|/\.env$' "$work/files"; then fail 'these files do not belong into the package'; fi

mkdir "$work/app"
cd "$work/app"
echo '{"private":true,"type":"module"}' >package.json
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
  const { createExaiClient } = await import('exai/client')
  if (createExaiClient({ baseUrl: 'http://127.0.0.1:1' }).chat.streamComplete === undefined) process.exit(1)
  const browser = await import('exai/client/browser')
  if (browser.createExaiClient({ baseUrl: 'http://127.0.0.1:1' }).chat.streamComplete === undefined) process.exit(1)
" || fail 'the client can not be imported'
# The example of the client, against the service that was installed, as one file with node_modules beside it.
cp "$root/examples/typescript/tour.ts" .
PORT=0 DATA_DIR="$work/data" HOME="$work" node_modules/.bin/exai >"$work/service.log" 2>&1 &
service=$!
trap 'kill "$service" 2>/dev/null; wait "$service" 2>/dev/null; rm -rf "$work"' EXIT
tries=0
until url=$(grep -o 'http://127\.0\.0\.1:[0-9]*' "$work/service.log" | head -n 1) && [ -n "$url" ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 150 ] || { cat "$work/service.log" >&2; fail 'the installed service does not start'; }
  sleep 0.2
done
EXAI_URL=$url node_modules/.bin/node tour.ts || fail 'the example of the client fails'
# The thread that reads PDF, on the Node that the service has.
node_modules/.bin/node --input-type=module -e "
  const { createPdfText } = await import('./node_modules/exai/dist/src/files/pdf-text.js')
  const content = 'BT /F 12 Tf 9 9 Td (read) Tj ET'
  const font = '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>'
  const file = [
    '%PDF-1.7',
    '1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj',
    '2 0 obj << /Type /Pages /Count 1 /Kids [3 0 R] >> endobj',
    '3 0 obj << /Type /Page /Parent 2 0 R /MediaBox [0 0 99 99] /Contents 4 0 R /Resources << /Font << /F ' + font + ' >> >> >> endobj',
    '4 0 obj << /Length ' + content.length + ' >>', 'stream', content, 'endstream', 'endobj',
    'trailer << /Root 1 0 R /Size 5 >>',
  ].join('\\n')
  const pdf = createPdfText({ log: console })
  const text = await pdf.text([Buffer.from(file)], 'application/pdf', new AbortController().signal)
  await pdf.close()
  if (text !== 'read') process.exit(1)
" || fail 'the text of a PDF can not be read'
echo "exai $want: packed ($(wc -l <"$work/files") files, $(du -k "$tarball" | cut -f1) KiB), installed, runs"
