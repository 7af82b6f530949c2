-- What a batch reads once and writes once, at its end: the states of budgets, limits set through an API, and what is
-- added to hashes. The calls of a batch are mostly one company's, and each would write the same few fields again.
--
-- Rule: an operation's own first write comes before it leaves anything here. A full store refuses that one; once a
-- script has written, it takes all that follows.

-- Each: key -> field -> what; `states` {start, used, held, mark}, `limits` numbers, false where the store has none.
local states, changed, limits, sums = {}, {}, {}, {}
-- Key -> seconds, counted from the end of the batch.
local lives = {}
local failures = {}

local function fields_of(all, name)
  local fields = all[name]
  if not fields then
    fields = {}
    all[name] = fields
  end
  return fields
end

-- Returns a copy, which may be changed; nil where there is no state.
local function read_state(name, id)
  local known = fields_of(states, name)
  if known[id] == nil then known[id] = parse(redis.call('HGET', name, id)) or false end
  local s = known[id]
  return s and {start = s.start, used = s.used, held = s.held, mark = s.mark} or nil
end

-- Keeps `s` itself, which is not to be changed any more.
local function write_state(name, id, s)
  fields_of(changed, name)[id] = s
  states[name][id] = s
end

-- The limit of an override ("limit:when_ms:who"); false where there is none.
local function read_limit(name, id)
  local known = fields_of(limits, name)
  if known[id] == nil then
    local line = redis.call('HGET', name, id)
    known[id] = line and tonumber(string.match(line, '^(%-?%d+)')) or false
  end
  return known[id]
end

-- To be called by whoever writes overrides.
local function forget_limits(name)
  limits[name] = nil
end

local function add(name, field, amount)
  local fields = fields_of(sums, name)
  fields[field] = (fields[field] or 0) + amount
end

local function live(name, seconds)
  lives[name] = seconds
end

-- What cannot be written must not take along what others have in the batch: a field that somebody else has spoiled.
local function note(answer)
  if type(answer) == 'table' and answer.err then failures[#failures + 1] = answer.err end
end

local function bring_sums(name)
  for field, amount in pairs(sums[name]) do note(redis.pcall('HINCRBY', name, field, text(amount))) end
  sums[name] = nil
end

-- A hash as a flat array, with what this batch has added to it.
local function read_all(name)
  if sums[name] then bring_sums(name) end
  return redis.call('HGETALL', name)
end

-- Brings everything to the store; returns what could not be written, in words.
local function bring_all()
  for name, ids in pairs(changed) do
    local words = {}
    for id, s in pairs(ids) do
      words[#words + 1] = id
      words[#words + 1] = string.format('%d:%d:%d:%d', s.start, s.used, s.held, s.mark)
    end
    note(redis.pcall('HSET', name, unpack(words)))
  end
  for name in pairs(sums) do bring_sums(name) end
  for name, seconds in pairs(lives) do redis.call('EXPIRE', name, text(seconds)) end
  return failures
end
