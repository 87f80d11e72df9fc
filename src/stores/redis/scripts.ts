// What runs inside Redis, each as one step that nobody comes between. A log is a list and a hash about it: the number of its
// last entry, how many were forgotten, and its only writer, `PROCESS/NUMBER` (empty when there is more than one).

/** Prefix of every key and channel. */
export const PREFIX = 'exai:'

/** Key of a value. */
export const valueKey = (name: string): string => `${PREFIX}value:{${name}}`
/** Keys of a log; the tag in braces keeps them together where a proxy shards. */
export const logKeys = (name: string): readonly [string, string] => [
  `${PREFIX}about:{${name}}`,
  `${PREFIX}log:{${name}}`,
]
/** Key of a counter; all counters are together, because one reservation may be about any of them. */
export const counterKey = (name: string): string => `${PREFIX}{counters}:${name}`
/** Key that is kept as long as anything is: the only one that does not expire. */
export const LIFE_KEY = `${PREFIX}life`
/** Channel on which everybody hears every message. */
export const TOPICS_CHANNEL = `${PREFIX}topics`
/** Channel on which those who follow a log hear that it has changed. */
export const LOG_CHANNEL = `${PREFIX}changed:`
/** Channel on which one process hears that it is not the only one any more that writes a log of its own. */
export const PROCESS_CHANNEL = `${PREFIX}process:`

const TELL_OWNER = `
local function tell(owner, me, what, name)
  local theirs = owner and string.match(owner, '^[^/]+')
  if theirs and theirs ~= string.match(me, '^[^/]+') then
    redis.call('PUBLISH', '${PROCESS_CHANNEL}' .. theirs, what .. name)
  end
end`

/** Every script by its name. */
export const SCRIPTS = {
  /** KEYS value. Gives the bytes and the milliseconds that are left, or nothing. */
  get: `
local value = redis.call('GET', KEYS[1])
if not value then return false end
return {value, redis.call('PTTL', KEYS[1])}`,

  /** KEYS value; ARGV bytes, ttl. */
  set: `redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 1`,

  /** KEYS value; ARGV bytes, ttl. Gives what was there as \`get\` does, or nothing. */
  claim: `
local value = redis.call('GET', KEYS[1])
if value then return {value, redis.call('PTTL', KEYS[1])} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false`,

  /** KEYS value; ARGV expected, whether there is a new one, new one, ttl. Gives 1 or 0. */
  swap: `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '1' then redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
else redis.call('DEL', KEYS[1]) end
return 1`,

  /** KEYS value, about, log; ARGV me, name. */
  remove: `${TELL_OWNER}
local owner = redis.call('HGET', KEYS[2], 'owner')
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
if not owner then return 0 end
redis.call('PUBLISH', '${LOG_CHANNEL}' .. ARGV[2], '')
tell(owner, ARGV[1], '-', ARGV[2])
return 1`,

  /**
   * KEYS about, log; ARGV me, name, ttl, number of the first entry, how many the writer has forgotten, entries. The same
   * entries sent again by the only writer are kept once. Gives the number of the last entry (-1: there is no log) and 0
   * when the log is the writer's alone, 1 when entries before these are missing and nothing was added, 2 when others write
   * it, too, and the entries were added at its end.
   */
  append: `${TELL_OWNER}
local me, name, ttl = ARGV[1], ARGV[2], ARGV[3]
local first, base = tonumber(ARGV[4]), tonumber(ARGV[5])
local about = redis.call('HMGET', KEYS[1], 'last', 'owner')
local last, owner = tonumber(about[1] or ''), about[2]
local state, from = 0, 6
if not last or (owner == me and last < base) then
  if first > base + 1 then return {-1, 1} end
  last = base
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'base', string.format('%.0f', base), 'owner', me)
elseif owner ~= me then
  state = 2
  tell(owner, me, '+', name)
  if owner ~= '' then redis.call('HSET', KEYS[1], 'owner', '') end
elseif first > last + 1 then
  return {last, 1}
else
  from = 6 + last + 1 - first
end
for index = from, #ARGV do
  redis.call('RPUSH', KEYS[2], ARGV[index])
  last = last + 1
end
redis.call('HSET', KEYS[1], 'last', string.format('%.0f', last))
redis.call('PEXPIRE', KEYS[1], ttl)
redis.call('PEXPIRE', KEYS[2], ttl)
if from <= #ARGV then redis.call('PUBLISH', '${LOG_CHANNEL}' .. name, '') end
return {last, state}`,

  /** KEYS about, log; ARGV through. */
  trim: `
local about = redis.call('HMGET', KEYS[1], 'last', 'base')
local last, base = tonumber(about[1] or ''), tonumber(about[2] or '')
if not last then return 0 end
local through = math.min(tonumber(ARGV[1]), last)
if through <= base then return 0 end
redis.call('LTRIM', KEYS[2], string.format('%.0f', through - base), '-1')
redis.call('HSET', KEYS[1], 'base', string.format('%.0f', through))
return 1`,

  /** KEYS about, log; ARGV after, max. Gives the number of the first entry and the entries, or nothing. */
  read: `
local about = redis.call('HMGET', KEYS[1], 'last', 'base')
local last, base = tonumber(about[1] or ''), tonumber(about[2] or '')
if not last then return false end
local from = math.min(math.max(tonumber(ARGV[1]), base), last)
local start = from - base
local stop = start + tonumber(ARGV[2]) - 1
return {from + 1, redis.call('LRANGE', KEYS[2], string.format('%.0f', start), string.format('%.0f', stop))}`,

  /**
   * KEYS counters; ARGV amount, max, ttl of each. Gives 1 and what each counter holds now and the milliseconds it has left,
   * or 0, the place of the one that does not fit and what it holds.
   */
  reserve: `
local taken = {}
for index, key in ipairs(KEYS) do
  local amount, max = tonumber(ARGV[index * 3 - 2]), tonumber(ARGV[index * 3 - 1])
  local used, before = tonumber(redis.call('GET', key) or '0'), taken[key] or 0
  if amount > max - used - before then return {0, index, used} end
  taken[key] = before + amount
end
local answer = {1}
for index, key in ipairs(KEYS) do
  local amount = ARGV[index * 3 - 2]
  if redis.call('EXISTS', key) == 1 then redis.call('INCRBY', key, amount)
  elseif amount ~= '0' then redis.call('SET', key, amount, 'PX', ARGV[index * 3]) end
  answer[index * 2] = tonumber(redis.call('GET', key) or '0')
  answer[index * 2 + 1] = redis.call('PTTL', key)
end
return answer`,

  /** KEYS counter; ARGV amount, ttl for a counter that is gone; ttl 0 leaves that gone. */
  adjust: `
local used = tonumber(redis.call('GET', KEYS[1]) or '')
if not used and ARGV[2] == '0' then return 0 end
local wanted = math.min(math.max((used or 0) + tonumber(ARGV[1]), 0), 9007199254740991)
if used then redis.call('INCRBY', KEYS[1], string.format('%.0f', wanted - used))
elseif wanted > 0 then redis.call('SET', KEYS[1], string.format('%.0f', wanted), 'PX', ARGV[2]) end
return 1`,

  /** KEYS life; ARGV new name. Gives the name of the life of everything that is kept: another one when all was lost. */
  life: `
redis.call('SETNX', KEYS[1], ARGV[1])
return redis.call('GET', KEYS[1])`,

  /** ARGV channel, message. */
  publish: `return redis.call('PUBLISH', ARGV[1], ARGV[2])`,
} as const satisfies Record<string, string>

/** Name of a script. */
export type ScriptName = keyof typeof SCRIPTS
