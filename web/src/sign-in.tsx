// Asks for a token. It stays in memory, or in this tab's storage when the reader wants it to survive a reload.
import { useSignal } from '@preact/signals'
import type { Failure } from './failure.ts'
import { signIn } from './session.ts'
import { Failed } from './states.tsx'

/** The form; `failure` says why the token before was not taken. */
export function SignIn({ failure }: { readonly failure: Failure | undefined }) {
  const token = useSignal('')
  const isKept = useSignal(false)
  const isBusy = useSignal(false)
  const submit = (event: Event): void => {
    event.preventDefault()
    if (token.value.trim() === '') return
    isBusy.value = true
    const done = (): void => {
      isBusy.value = false
    }
    signIn(token.value, isKept.value).then(done, done)
  }
  return (
    <main class="lone">
      <h1>exai</h1>
      <form class="card" onSubmit={submit}>
        <h2>Sign in</h2>
        <label for="token">API key or token</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          value={token.value}
          onInput={event => {
            token.value = event.currentTarget.value
          }}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={isKept.value}
            onChange={event => {
              isKept.value = event.currentTarget.checked
            }}
          />
          Keep it in this tab until the tab is closed
        </label>
        <button type="submit" class="primary" disabled={isBusy.value}>
          Sign in
        </button>
        {failure !== undefined && <Failed failure={failure} what="The token was not accepted" />}
        <p class="hint">
          The scope monitoring shows requests, usage and events of its tenant; chat opens the playground;
          admin sees every tenant and switches circuits. <code>exai keys create</code> makes a key.
        </p>
      </form>
    </main>
  )
}
