// What the scripts in deploy/compose ask of `docker compose`, as values.

/** The instances of both colours, as haproxy.cfg calls them. */
export const INSTANCES = ['blue-1', 'blue-2', 'green-1', 'green-2'] as const

/** The name of an instance. */
export type Instance = (typeof INSTANCES)[number]

/** One call of `docker compose`. */
export type Order =
  /** Ends what runs under these names, starts it anew, and waits until it is ready. */
  | { readonly verb: 'replace'; readonly instances: readonly Instance[] }
  | { readonly verb: 'stop'; readonly instances: readonly Instance[] }
  /** Runs a command where the proxy is. */
  | { readonly verb: 'exec'; readonly command: readonly string[] }

/** Reads the arguments of one call. Throws for those that a rehearsal cannot follow: then it would not be the same. */
export function orderOf(args: readonly string[]): Order {
  const [verb, ...rest] = args
  const options = rest.filter(arg => arg.startsWith('--')).join(' ')
  const names = rest.filter(arg => !arg.startsWith('--'))
  if (verb === 'up' && options === '--detach --no-deps --force-recreate --wait')
    return { verb: 'replace', instances: names.map(instanceOf) }
  if (verb === 'stop' && options === '') return { verb: 'stop', instances: names.map(instanceOf) }
  if (verb === 'exec' && rest[0] === '--no-TTY' && rest[1] === 'proxy')
    return { verb: 'exec', command: rest.slice(2) }
  throw new Error(`docker compose ${args.join(' ')} is not rehearsed`)
}

function instanceOf(service: string): Instance {
  const found = INSTANCES.find(instance => service === `exai-${instance}`)
  if (found === undefined) throw new Error(`no instance is the service ${service}`)
  return found
}
