-- Windows: a budget's state rolled to now, without writing. Windows never move backwards, and nothing runs at midnight.

-- Longer than any window (480 days), so that a subject that went away leaves nothing behind for ever.
local STATE_LIFE_SECONDS = 500 * 24 * 3600

local function roll_buckets(spec, s)
  local bucket = floor(NOW / spec[P1])
  if not s then return {start = bucket, used = 0, held = 0, mark = -1, moved = true} end
  s.moved = bucket > s.start
  s.start = max(bucket, s.start)
  local first = s.start - spec[P2]
  if s.mark < 0 or s.mark >= first then return s end
  -- At most once per bucket width: one HGETALL, since many HGETs on a listpack are quadratic.
  local flat = read_all(key(spec[BUCKETS]))
  s.mark, s.gone = -1, {}
  for i = 1, #flat, 2 do
    local index = tonumber(flat[i])
    if index < first then
      s.used = s.used - tonumber(flat[i + 1])
      s.gone[#s.gone + 1] = flat[i]
    elseif s.mark < 0 or index < s.mark then
      s.mark = index
    end
  end
  return s
end

-- The window that holds NOW: nil when neither candidate does (the gateway's clock is off: it asks again).
local function current_window(spec)
  if spec[KIND] == 'f' then
    local from = floor(NOW / spec[P1]) * spec[P1]
    return from, from + spec[P1]
  end
  if spec[P1] <= NOW and NOW < spec[P2] then return spec[P1], spec[P2] end
  if spec[P3] <= NOW and NOW < spec[P4] then return spec[P3], spec[P4] end
end

-- The state of a budget at NOW; nil when its candidate windows are stale.
local function roll(spec)
  local s = read_state(key(spec[STATE]), spec[ID])
  if spec[KIND] == 'r' then return roll_buckets(spec, s) end
  if spec[KIND] == 'l' then return s or {start = 0, used = 0, held = 0, mark = 0} end
  -- A stored window stays until its own end: so a change of zone takes effect at the next reset.
  if s and NOW < s.mark then return s end
  local from, to = current_window(spec)
  if not from then return nil end
  return {start = s and max(from, s.mark) or from, used = 0, held = 0, mark = to, moved = true}
end

-- The instant (ms) at which something next leaves the window; -1 when nothing will.
local function resets_at(spec, s)
  if spec[KIND] == 'r' then return s.mark < 0 and -1 or (s.mark + spec[P2] + 1) * spec[P1] end
  return spec[KIND] == 'l' and -1 or s.mark
end

-- The instant (ms) at which no more than `most` of what is used is still counted; -1 when never.
local function falls_to(spec, s, most)
  if spec[KIND] ~= 'r' then return resets_at(spec, s) end
  local flat, used, indexes, amounts = read_all(key(spec[BUCKETS])), s.used, {}, {}
  for i = 1, #flat, 2 do
    local index = tonumber(flat[i])
    if index >= s.start - spec[P2] then
      indexes[#indexes + 1] = index
      amounts[index] = tonumber(flat[i + 1])
    end
  end
  table.sort(indexes)
  for _, index in ipairs(indexes) do
    used = used - amounts[index]
    if used <= most then return (index + spec[P2] + 1) * spec[P1] end
  end
  return -1
end

-- The limit in force, and 1 where it is an override in the store, which wins over the file's.
local function limit_of(spec)
  local limit = read_limit(key(spec[OVERRIDES]), spec[ID])
  return limit or spec[LIMIT], limit and 1 or 0
end

local LEVEL_LIMIT, LEVEL_HELD = 1, 3

local function level(spec, s, limit, is_override)
  return {limit, s.used, s.held, s.start, s.mark, resets_at(spec, s), is_override}
end

local function save(spec, s)
  local state_key = key(spec[STATE])
  write_state(state_key, spec[ID], s)
  if s.gone and #s.gone > 0 then redis.call('HDEL', key(spec[BUCKETS]), unpack(s.gone)) end
  if s.moved then
    live(state_key, STATE_LIFE_SECONDS)
    if spec[KIND] == 'r' then live(key(spec[BUCKETS]), STATE_LIFE_SECONDS) end
  end
end
