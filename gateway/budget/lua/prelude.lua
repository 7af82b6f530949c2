-- The frame of the one script: `script.py` joins these files, in the order it names, and the store runs them as a whole.
--
-- KEYS[1..3] the shard's leases (hash), deadlines (zset, ms) and events (stream); then each operation's own keys
-- ARGV[1]    msgpack array of operations {name, base, ...}; an operation names its keys by index above `base`
-- returns    msgpack {now_ms, {answer, ...}, {text, ...}}: an answer to each operation in order, {'error', text} where one
--            failed; and what could not be written at the end of the batch
--
-- Rules: time is the store's; every key is declared; inside an operation all reads come before the first write.

local floor, ceil, min, max, pairs, ipairs = math.floor, math.ceil, math.min, math.max, pairs, ipairs
local LEASES, DEADLINES, EVENTS = KEYS[1], KEYS[2], KEYS[3]
local MICROS = 1000000
local HOUR = 3600000
local SETTLED_LIFE, EXPIRED_LIFE = HOUR / 4, 7 * 24 * HOUR
local EVENT_LIFE, EVENTS_KEPT = 7 * 24 * HOUR, 100000

local clock = redis.call('TIME')
local NOW = tonumber(clock[1]) * 1000 + floor(tonumber(clock[2]) / 1000)
local base = 0

local function key(index)
  return KEYS[base + index]
end

-- Lua's own conversion is %.14g, which corrupts large numbers.
local function text(number)
  return string.format('%d', number)
end

-- What `tokens` completion tokens weigh at `rate` millionths of a unit each.
local function cost(tokens, rate)
  return ceil(tokens * rate / MICROS)
end

-- A budget as an operation names it: an array with these places.
-- KIND: 'r' rolling (P1 bucket width in ms, P2 full buckets), 'c' calendar (P1..P4 two candidate windows, ms),
-- 'f' fixed (P1 length in ms), 'l' lifetime. MODE: 2 hard, 1 soft, 0 shadow. COUNTS: 0 for in-flight, never charged.
local STATE, BUCKETS, OVERRIDES, ID, KIND, P1, P2, P3, P4, LIMIT, MODE, MINIMUM, RATE, COUNTS =
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14

-- A budget's state is "start:used:held:mark" in decimal text. Rolling: start is the newest bucket, mark the oldest
-- that may hold something (-1: none). Windows: start and mark are the bounds in ms. Lifetime: both 0.
local function parse(line)
  if not line then return nil end
  local start, used, held, mark = string.match(line, '^(%-?%d+):(%-?%d+):(%-?%d+):(%-?%d+)$')
  if not start then error('unreadable budget state: ' .. line) end
  return {start = tonumber(start), used = tonumber(used), held = tonumber(held), mark = tonumber(mark)}
end
