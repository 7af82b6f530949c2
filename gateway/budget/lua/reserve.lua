-- reserve: hold the prompt and a granted completion in every budget, or in none.
-- in   {'reserve', base, call id, tombstone key, lease ms, policy, want, least, share, specs, plan, who}
--      policy: what an expired lease is charged: 1 all that is held, 0 nothing (nothing was forwarded);
--      want, least: completion tokens; share: 1 leaves most of what remains to other calls, unless `least` needs it;
--      2 refuses where that would shorten the grant; plan: roll-up at expiry
-- out  {'admitted', granted, levels} | {'duplicate', granted, levels, admitted ms} | {'finished'} | {'stale'}
--      | {'refused', {verdict, retry at ms} per budget, levels, expired leases waiting}
--      verdict: 0 room, 1 only holds stand in the way, 2 spent, 3 larger than the limit

local SHARE, SHARE_LEAST = 8, 256

-- Completion tokens that fit into `room` units.
local function fitting(room, rate, want, share)
  if rate == 0 then return want end
  local tokens = max(0, floor(room * MICROS / rate))
  if share > 0 then tokens = min(tokens, max(SHARE_LEAST, floor(tokens / SHARE))) end
  return min(want, tokens)
end

local function verdict(spec, s, limit, want, least, share)
  local need = spec[MINIMUM] + cost(least, spec[RATE])
  if spec[MODE] == 0 or limit < 0 then return {0, -1} end
  if limit == 0 then return {2, -1} end
  local room = limit - s.used - s.held - spec[MINIMUM]
  local is_whole = share < 2 or fitting(room, spec[RATE], want, share) >= want
  if room >= cost(least, spec[RATE]) and is_whole then return {0, -1} end
  if need > limit then return {3, -1} end
  if s.used + need <= limit then return {1, -1} end
  return {2, falls_to(spec, s, limit - need)}
end

local function is_refused(verdicts)
  for _, v in ipairs(verdicts) do
    if v[1] > 0 then return true end
  end
  return false
end

local function entry_of(spec, s, reserved)
  local buckets = spec[BUCKETS] > 0 and key(spec[BUCKETS]) or ''
  return {key(spec[STATE]), buckets, spec[ID], spec[KIND], s.start, s.mark, spec[P2], reserved, spec[MINIMUM],
    spec[RATE], spec[COUNTS]}
end

-- What one budget holds for `granted` tokens; a soft one, which does not cap, never more than it has room for.
local function share_of(spec, s, limit, granted, share)
  if spec[MODE] == 1 and limit >= 0 then
    local room = limit - s.used - s.held - spec[MINIMUM]
    return spec[MINIMUM] + min(room, cost(fitting(room, spec[RATE], granted, share), spec[RATE]))
  end
  return spec[MINIMUM] + cost(granted, spec[RATE])
end

local function admit(id, op_plan, specs, states, levels, granted, share)
  local entries = {}
  for i, spec in ipairs(specs) do
    local s, reserved = states[i], share_of(spec, states[i], levels[i][LEVEL_LIMIT], granted, share)
    entries[i] = entry_of(spec, s, reserved)
    s.held = s.held + reserved
    levels[i][LEVEL_HELD] = s.held
  end
  redis.call('HSET', LEASES, id, cmsgpack.pack({NOW, op_plan.policy, granted, entries, op_plan.plan, op_plan.who}))
  redis.call('ZADD', DEADLINES, text(NOW + op_plan.lease_ms), id)
  for i, spec in ipairs(specs) do save(spec, states[i]) end
  return {'admitted', granted, levels}
end

local function reserve(op)
  local _, _, id, tombstone, lease_ms, policy, want, least, share, specs, plan, who = unpack(op)
  local live = redis.call('HGET', LEASES, id)
  if not live and redis.call('EXISTS', key(tombstone)) == 1 then return {'finished'} end
  local states, verdicts, levels, granted = {}, {}, {}, want
  for i, spec in ipairs(specs) do
    local s = roll(spec)
    if not s then return {'stale'} end
    local limit, is_override = limit_of(spec)
    states[i], levels[i] = s, level(spec, s, limit, is_override)
    if not live then
      verdicts[i] = verdict(spec, s, limit, want, least, share)
      if spec[MODE] == 2 and limit >= 0 then
        local room = limit - s.used - s.held - spec[MINIMUM]
        granted = min(granted, max(least, fitting(room, spec[RATE], want, share)))
      end
    end
  end
  if live then
    local lease = cmsgpack.unpack(live)
    for i, entry in ipairs(lease[4]) do levels[i][4], levels[i][5] = entry[E_START], entry[E_MARK] end
    return {'duplicate', lease[3], levels, lease[1]}
  end
  if is_refused(verdicts) then
    return {'refused', verdicts, levels, redis.call('ZCOUNT', DEADLINES, '-inf', text(NOW))}
  end
  local op_plan = {policy = policy, plan = named(plan), who = who, lease_ms = lease_ms}
  return admit(id, op_plan, specs, states, levels, granted, share)
end
