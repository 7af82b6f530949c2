-- extend: a later deadline and, when `want` is above what was granted, a larger hold in every budget or in none.
-- in   {'extend', base, call id, lease ms, want, specs}, specs as reserved, in the same order
-- out  {'extended', granted} | {'refused', granted, index of the budget, levels} | {'gone'}
-- A hard budget grants what fits; soft and shadow ones grow past their limit. A lease belongs to the window it was
-- admitted in: where that has passed, nothing stands in the way and nothing more is held.

local E_ADMITTED, E_GRANTED, E_ENTRIES = 1, 3, 4

local function is_current(spec, entry, s)
  if spec[KIND] == 'r' or spec[KIND] == 'l' then return true end
  return s.start == entry[E_START] and NOW < s.mark
end

local function growth(specs, entries, want)
  local states, granted, refusing, levels = {}, want, 0, {}
  for i, spec in ipairs(specs) do
    local entry = entries[i]
    local s
    if spec[KIND] == 'r' then s = roll(spec) else s = read_state(key(spec[STATE]), spec[ID]) end
    local limit, is_override = limit_of(spec)
    if s and is_current(spec, entry, s) then
      states[i], levels[i] = s, level(spec, s, limit, is_override)
      if spec[MODE] == 2 and limit >= 0 then
        local room = limit - s.used - s.held + entry[E_RESERVED] - entry[E_MINIMUM]
        local fits = fitting(room, entry[E_RATE], want, 0)
        if fits < granted then granted, refusing = fits, i end
      end
    else
      states[i], levels[i] = false, {limit, 0, 0, 0, 0, -1, is_override}
    end
  end
  return states, granted, refusing, levels
end

local function extend(op)
  local _, _, id, lease_ms, want, specs = unpack(op)
  local blob = redis.call('HGET', LEASES, id)
  if not blob then return {'gone'} end
  local lease = cmsgpack.unpack(blob)
  if want <= lease[E_GRANTED] then
    redis.call('ZADD', DEADLINES, text(NOW + lease_ms), id)
    return {'extended', lease[E_GRANTED]}
  end
  local states, granted, refusing, levels = growth(specs, lease[E_ENTRIES], want)
  if granted <= lease[E_GRANTED] then return {'refused', lease[E_GRANTED], refusing, levels} end
  for i, entry in ipairs(lease[E_ENTRIES]) do
    local reserved = entry[E_MINIMUM] + cost(granted, entry[E_RATE])
    local s = states[i]
    if s and reserved > entry[E_RESERVED] then
      s.held, s.is_grown = s.held + reserved - entry[E_RESERVED], true
      entry[E_RESERVED] = reserved
    end
  end
  lease[E_GRANTED] = granted
  redis.call('HSET', LEASES, id, cmsgpack.pack(lease))
  redis.call('ZADD', DEADLINES, text(NOW + lease_ms), id)
  for i, spec in ipairs(specs) do
    if states[i] and states[i].is_grown then save(spec, states[i]) end
  end
  return {'extended', granted}
end
