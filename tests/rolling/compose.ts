// Stands in for `docker compose` in a rehearsal: hands its arguments to whoever rehearses, and ends as that one says.
const answer = await fetch(String(process.env['EXAI_REHEARSAL']), {
  method: 'POST',
  body: JSON.stringify(process.argv.slice(2)),
})
if (!answer.ok) {
  process.stderr.write(`${await answer.text()}\n`)
  process.exitCode = 1
}
