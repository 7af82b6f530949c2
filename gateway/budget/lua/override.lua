-- override: limits of one subject set through an API, all of them or none; each wins over the file's until cleared.
-- in   {'override', base, overrides key, subject, who, {{budget id, limit, or '' to clear it}, ...}, changes key}
-- out  {'overridden', the line before of each, or ''}: "limit:when_ms:who"
-- The hash of changes counts them in the field `changes`: who keeps limits in memory looks there.
-- The event tells who, when, and of each budget the line before (`old:<id>`) and the line after (`new:<id>`).

local function override(op)
  local _, _, overrides, subject, who, limits, changes = unpack(op)
  local name, trim, before, after = key(overrides), trimming(), {}, {}
  local event = {'kind', 'override', 'who', who, 'subject', subject, 'at', text(NOW)}
  for i, item in ipairs(limits) do
    local id, limit = item[1], item[2]
    before[i] = redis.call('HGET', name, id) or ''
    after[i] = limit == '' and '' or text(limit) .. ':' .. text(NOW) .. ':' .. who
    for _, word in ipairs({'old:' .. id, before[i], 'new:' .. id, after[i]}) do event[#event + 1] = word end
  end
  for i, item in ipairs(limits) do
    if after[i] == '' then
      redis.call('HDEL', name, item[1])
    else
      redis.call('HSET', name, item[1], after[i])
    end
  end
  forget_limits(name)
  redis.call('HINCRBY', key(changes), 'changes', 1)
  redis.call('XADD', EVENTS, trim[1], '~', trim[2], '*', unpack(event))
  return {'overridden', before}
end
