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

/**
 * A counter is a hash: `settled` is taken for good, `held` is the sum of what holders have, and each holder has a field with
 * a slash before its id: its amount and when that ends, in milliseconds of the server's clock. None of them ends before
 * `soonest`. What the dead held is given back by whoever looks at the counter.
 */
const COUNTER = `
local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function whole(number) return string.format('%.0f', number) end
local function content(key, at)
  local about = redis.call('HMGET', key, 'settled', 'held', 'soonest')
  local settled, held = tonumber(about[1] or '0'), tonumber(about[2] or '0')
  local soonest = tonumber(about[3] or '')
  if not soonest or soonest > at then return settled + held end
  held, soonest = 0, nil
  local all = redis.call('HGETALL', key)
  for index = 1, #all, 2 do
    if string.sub(all[index], 1, 1) == '/' then
      local amount, ends = string.match(all[index + 1], '^(%d+) (%d+)$')
      amount, ends = tonumber(amount), tonumber(ends)
      if ends <= at then redis.call('HDEL', key, all[index])
      else
        held = held + amount
        if not soonest or ends < soonest then soonest = ends end
      end
    end
  end
  redis.call('HSET', key, 'held', whole(held))
  if soonest then redis.call('HSET', key, 'soonest', whole(soonest))
  else redis.call('HDEL', key, 'soonest') end
  return settled + held
end
local function take(key, amount)
  local before = tonumber(redis.call('HGET', key, 'settled') or '0')
  local after = math.min(math.max(before + amount, 0), 9007199254740991)
  redis.call('HSET', key, 'settled', whole(after))
end
local function held(key, holder)
  return tonumber(string.match(redis.call('HGET', key, '/' .. holder) or '', '^%d+') or '')
end
local function add(key, amount)
  redis.call('HSET', key, 'held', whole(math.max(tonumber(redis.call('HGET', key, 'held') or '0') + amount, 0)))
end
local function hold(key, holder, amount, ends)
  local before = held(key, holder) or 0
  redis.call('HSET', key, '/' .. holder, whole(amount) .. ' ' .. whole(ends))
  add(key, amount - before)
  local soonest = tonumber(redis.call('HGET', key, 'soonest') or '')
  if not soonest or ends < soonest then redis.call('HSET', key, 'soonest', whole(ends)) end
end
local function giveBack(key, holder)
  local before = held(key, holder)
  if not before then return false end
  redis.call('HDEL', key, '/' .. holder)
  add(key, -before)
  return true
end
local function keep(key, ttl)
  if redis.call('PTTL', key) < tonumber(ttl) then redis.call('PEXPIRE', key, ttl) end
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
   * KEYS of each reservation its counter and those beside it; ARGV holder (empty: none), its ttl, whether it may have been
   * asked already and the holder had nothing before, and of each reservation amount, max, ttl, whether it is for good, and how
   * many are beside. Gives 1 and of each reservation what its counter holds
   * now, the same with those beside it, and the milliseconds that the counter has left; or 0, the place of the one that does
   * not fit and what it holds with those beside it.
   */
  reserve: `${COUNTER}
local holder, ttl, at = ARGV[1], ARGV[2], now()
local contents, taken, questions = {}, {}, {}
local place, isDone, refusal = 1, false, nil
for index = 4, #ARGV, 5 do
  local question = {key = KEYS[place], amount = tonumber(ARGV[index]), first = place, last = place + tonumber(ARGV[index + 4])}
  local used, before = 0, 0
  for at_key = question.first, question.last do
    local key = KEYS[at_key]
    contents[key] = contents[key] or content(key, at)
    used = used + contents[key]
    before = before + (taken[key] or 0)
  end
  if ARGV[3] == '1' and ARGV[index + 3] ~= '1' and held(question.key, holder) then isDone = true end
  if not refusal and question.amount > tonumber(ARGV[index + 1]) - used - before then
    refusal = {0, #questions + 1, used}
  end
  taken[question.key] = (taken[question.key] or 0) + question.amount
  questions[#questions + 1] = question
  place = question.last + 1
end
if refusal and not isDone then return refusal end
for index, question in ipairs(questions) do
  local key, amount, arg = question.key, question.amount, index * 5 - 1
  if amount > 0 and not isDone then
    local isNew = redis.call('EXISTS', key) == 0
    if holder == '' or ARGV[arg + 3] == '1' then take(key, amount)
    else hold(key, holder, (held(key, holder) or 0) + amount, at + tonumber(ttl)) end
    if isNew then redis.call('PEXPIRE', key, ARGV[arg + 2]) end
    if holder ~= '' and ARGV[arg + 3] ~= '1' then keep(key, ttl) end
    contents[key] = contents[key] + amount
  end
end
local answer = {1}
for index, question in ipairs(questions) do
  local used = 0
  for at_key = question.first, question.last do used = used + contents[KEYS[at_key]] end
  answer[index * 3 - 1] = contents[question.key]
  answer[index * 3] = used
  answer[index * 3 + 1] = redis.call('PTTL', question.key)
end
return answer`,

  /**
   * KEYS counters; ARGV holder, whether only what it still holds is settled, and of each counter amount and ttl for a counter
   * that is gone; ttl 0 leaves that gone.
   */
  settle: `${COUNTER}
local holder, isOnlyHeld = ARGV[1], ARGV[2] == '1'
for index, key in ipairs(KEYS) do
  local amount, ttl = tonumber(ARGV[index * 2 + 1]), ARGV[index * 2 + 2]
  local isThere = redis.call('EXISTS', key) == 1
  local had = isThere and giveBack(key, holder)
  if (had or not isOnlyHeld) and (isThere or (ttl ~= '0' and amount > 0)) then
    take(key, amount)
    if not isThere then redis.call('PEXPIRE', key, ttl) end
  end
end
return 1`,

  /**
   * KEYS counters; ARGV ttl of the holders, and of each counter holder, amount and ttl for a counter that is gone. Makes each
   * holder have just that amount from now on; saying it again changes nothing.
   */
  hold: `${COUNTER}
local ttl, at = ARGV[1], now()
for index, key in ipairs(KEYS) do
  local isNew = redis.call('EXISTS', key) == 0
  hold(key, ARGV[index * 3 - 1], tonumber(ARGV[index * 3]), at + tonumber(ttl))
  if isNew then redis.call('PEXPIRE', key, ARGV[index * 3 + 1]) end
  keep(key, ttl)
end
return 1`,

  /** KEYS counter; ARGV amount, ttl for a counter that is gone; ttl 0 leaves that gone. */
  adjust: `${COUNTER}
local isThere = redis.call('EXISTS', KEYS[1]) == 1
local amount = tonumber(ARGV[1])
if not isThere and (ARGV[2] == '0' or amount <= 0) then return 0 end
take(KEYS[1], amount)
if not isThere then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
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
