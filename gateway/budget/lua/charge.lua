-- Charges: what settle and reap share. Every charge belongs to the window or bucket of its admission, so that late,
-- repeated and re-ordered charges commute.

-- An entry of a lease: {state key, bucket key, id, kind, start, mark, full buckets, reserved, minimum, rate, counts}.
local E_STATE, E_BUCKETS, E_ID, E_KIND, E_START, E_MARK, E_SPAN, E_RESERVED, E_MINIMUM, E_RATE, E_COUNTS =
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11

-- Reads only: the change that adds `used` and `held` to a budget; nil when its window has passed.
local function change(state_key, bucket_key, entry, used, held)
  local s, start = read_state(state_key, entry[E_ID]), entry[E_START]
  local c = {state_key = state_key, bucket_key = bucket_key, id = entry[E_ID]}
  c.is_lost = not s and entry[E_KIND] ~= 'l'
  if entry[E_KIND] == 'r' then
    s = s or {start = start, used = 0, held = 0, mark = -1}
    s.start = max(s.start, start)
    if used ~= 0 and start >= s.start - entry[E_SPAN] then
      c.bucket, c.used, s.used = start, used, s.used + used
      c.is_first = redis.call('HLEN', bucket_key) == 0
      s.mark = s.mark < 0 and start or min(s.mark, start)
    end
  else
    -- No state, or one that ended before this admission: the store lost the reserve.
    if not s or (entry[E_KIND] ~= 'l' and s.mark <= start) then
      s = {start = start, used = 0, held = 0, mark = entry[E_MARK]}
    end
    if s.start ~= start then return nil end
    s.used = s.used + used
  end
  s.held = s.held + held
  c.state = s
  return c
end

local function apply(changes)
  for _, c in pairs(changes) do
    write_state(c.state_key, c.id, c.state)
    if c.is_lost then live(c.state_key, STATE_LIFE_SECONDS) end
    if c.bucket then add(c.bucket_key, text(c.bucket), c.used) end
    if c.is_first then live(c.bucket_key, STATE_LIFE_SECONDS) end
  end
end

-- A roll-up is {{{key, field, amount, rate}, ...}, {{key, member}, ...}, ttl in seconds}, with the keys' names.
local function named(rollup)
  for _, list in ipairs({rollup[1], rollup[2]}) do
    for _, item in ipairs(list) do item[1] = key(item[1]) end
  end
  return rollup
end

-- Reads only: those of a roll-up's keys that are not there yet, which are then given their end.
local function new_keys(rollup)
  local found = {}
  for size, list in pairs({HLEN = rollup[1], SCARD = rollup[2]}) do
    local seen = {}
    for _, item in ipairs(list) do
      if not seen[item[1]] and redis.call(size, item[1]) == 0 then found[#found + 1] = item[1] end
      seen[item[1]] = true
    end
  end
  return found
end

local function add_rollup(rollup, fresh)
  for _, item in ipairs(rollup[1]) do add(item[1], item[2], item[3]) end
  for _, item in ipairs(rollup[2]) do redis.call('SADD', item[1], item[2]) end
  for _, name in ipairs(fresh) do live(name, rollup[3]) end
end

-- The first writes of a charge: a full store lets a script go on that has begun by removing something.
local function finish(id, tombstone_key, tombstone, life)
  redis.call('HDEL', LEASES, id)
  redis.call('ZREM', DEADLINES, id)
  redis.call('SET', tombstone_key, tombstone, 'PX', text(life))
end

-- Reads only: how the events are kept to seven days, or to the shard's last 100,000 where there are more.
local function trimming()
  if redis.call('XLEN', EVENTS) > EVENTS_KEPT then return {'MAXLEN', text(EVENTS_KEPT)} end
  return {'MINID', text(NOW - EVENT_LIFE)}
end

local function record(trim, kind, id, who, admitted, entries, amounts)
  local charges = {}
  for i, entry in ipairs(entries) do charges[i] = entry[E_ID] .. '=' .. text(amounts[i]) end
  redis.call('XADD', EVENTS, trim[1], '~', trim[2], '*', 'kind', kind, 'call', id, 'who', who,
    'admitted', text(admitted), 'charged', table.concat(charges, ' '))
end
