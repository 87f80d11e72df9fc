// Closes the circuits of a provider that a test made fail on purpose, as an operator would.

/** Resets every circuit of a provider; throws when the service refuses. */
export async function resetCircuits(url: string, provider = 'openai'): Promise<void> {
  const response = await fetch(`${url}/exai.v1.MonitoringService/SetCircuit`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ provider, action: 'ACTION_RESET', reason: 'the next test' }),
  })
  if (!response.ok) throw new Error(`the circuits of ${provider} were not reset: ${await response.text()}`)
}
