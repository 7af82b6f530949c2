-- read: the numbers that reserve would use; writes nothing.
-- in   {'read', base, specs}
-- out  {'levels', levels} | {'stale'}
-- override: a limit set through an API, "limit:when_ms:who"; wins over the file's until cleared.
-- in   {'override', base, overrides key, budget id, limit and who, or ''}: '' clears
-- out  {'overridden', the line before or ''}

local function read(op)
  local levels = {}
  for i, spec in ipairs(op[3]) do
    local s = roll(spec)
    if not s then return {'stale'} end
    levels[i] = level(spec, s, limit_of(spec))
  end
  return {'levels', levels}
end

local function override(op)
  local _, _, overrides, id, limit, who = unpack(op)
  local before = redis.call('HGET', key(overrides), id) or ''
  if who == '' then
    redis.call('HDEL', key(overrides), id)
  else
    redis.call('HSET', key(overrides), id, text(limit) .. ':' .. text(NOW) .. ':' .. who)
  end
  return {'overridden', before}
end
