// Generates gen/ from proto/ with local plugins only: TypeScript always, Go and Python where their pinned plugins are.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeReference } from './api-reference.ts'
import { root, run, runSteps, type Step, StepError } from './step.ts'

/** The plugins of the Go client, as `go install PACKAGE@VERSION` takes them, with what each says of its version. */
export const goPlugins = [
  { package: 'google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12', says: 'protoc-gen-go v1.36.12' },
  { package: 'google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2', says: 'protoc-gen-go-grpc 1.6.2' },
  { package: 'connectrpc.com/connect/cmd/protoc-gen-connect-go@v1.21.1', says: '1.21.1' },
] as const

/** The packages that make the Python client, as pip takes them. */
export const pythonPlugins = [
  'grpcio-tools==1.85.1',
  'mypy-protobuf==5.1.0',
  'protoc-gen-connectrpc==0.13.0',
] as const

const venv = join(root, 'build/venv/bin')
const python = join(venv, 'python')

/** The parts of the generation. */
export const steps: readonly Step[] = [
  { name: 'generate gen/ts', run: () => buf('generate') },
  {
    name: 'generate gen/conformance',
    run: () => buf('generate', 'tests/conformance/proto', '--template', 'buf.gen.conformance.yaml'),
  },
  { name: 'generate gen/go', run: generateGo },
  { name: 'generate gen/python', run: generatePython },
  { name: 'generate docs/api.md', run: writeReference },
]

/** Writes gen/ anew; what is no longer generated disappears. What has no plugins on this machine stays as it is. */
export function generate(): void {
  for (const step of steps) step.run()
}

function buf(...args: readonly string[]): void {
  run({ tool: 'buf', args, remedy: 'correct the .proto file that it names' })
}

function generateGo(): void {
  const missing = goPlugins.filter(
    ({ package: name, says }) => outputOf(pluginOf(name), ['--version']) !== says,
  )
  if (missing.length > 0) {
    leave('gen/go', missing.map(each => `GOBIN=$PWD/build/bin go install ${each.package}`).join(' && '))
    return
  }
  buf('generate', 'proto', '--template', 'buf.gen.go.yaml')
}

function pluginOf(name: string): string {
  return join(root, 'build/bin', /[^/]+(?=@)/.exec(name)?.[0] ?? name)
}

const VERSIONS =
  "import sys; from importlib.metadata import version; print('\\n'.join(f'{name}=={version(name)}' for name in sys.argv[1:]))"

function generatePython(): void {
  const names = pythonPlugins.map(each => each.replace(/==.*/, ''))
  if (outputOf(python, ['-c', VERSIONS, ...names]) !== pythonPlugins.join('\n')) {
    const install = `build/venv/bin/python -m pip install ${pythonPlugins.join(' ')}`
    leave('gen/python', `${existsSync(python) ? '' : 'python3 -m venv build/venv && '}${install}`)
    return
  }
  const out = join(root, 'gen/python')
  rmSync(join(out, 'exai'), { recursive: true, force: true })
  const all = readdirSync(join(root, 'proto/exai/v1'))
    .filter(name => name.endsWith('.proto'))
    .map(name => `exai/v1/${name}`)
    .sort()
  const plugin = (name: string) => `--plugin=protoc-gen-${name}=${join(venv, `protoc-gen-${name}`)}`
  protoc([`--python_out=${out}`, plugin('mypy'), `--mypy_out=quiet:${out}`, ...all])
  protoc([
    ...[`--grpc_python_out=${out}`, plugin('mypy_grpc'), `--mypy_grpc_out=quiet:${out}`],
    ...[plugin('connectrpc'), `--connectrpc_out=${out}`, '--connectrpc_opt=protobuf=google'],
    ...all.filter(name => name.endsWith('_service.proto')),
  ])
  mkdirSync(join(out, 'exai/v1'), { recursive: true })
  writeFileSync(join(out, 'exai/__init__.py'), '"""The contract of exai, generated."""\n')
  writeFileSync(
    join(out, 'exai/v1/__init__.py'),
    '"""Version 1: messages (*_pb2), grpcio stubs (*_pb2_grpc), Connect clients (*_connect)."""\n',
  )
  // Says to type checkers that the package has types (https://peps.python.org/pep-0561/).
  writeFileSync(join(out, 'exai/py.typed'), '')
}

function protoc(args: readonly string[]): void {
  const all = ['-m', 'grpc_tools.protoc', `-I${join(root, 'proto')}`, ...args]
  const { status, error } = spawnSync(python, all, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  if (error !== undefined || status !== 0) throw new StepError('protoc failed: correct what it names')
}

/** What a program prints, or undefined when it is not there or fails. */
function outputOf(program: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

function leave(folder: string, install: string): void {
  const line = `${folder} is left as it is: its pinned plugins are not here; install them with ${install}`
  if (process.env['EXAI_TEST_ALL'] === '1') throw new StepError(line)
  process.stderr.write(`${line}\n`)
}

if (import.meta.main) process.exitCode = runSteps(steps) ? 0 : 1
