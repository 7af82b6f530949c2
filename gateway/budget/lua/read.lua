-- read: the numbers that reserve would use; writes nothing.
-- in   {'read', base, specs}
-- out  {'levels', levels} | {'stale'}

local function read(op)
  local levels = {}
  for i, spec in ipairs(op[3]) do
    local s = roll(spec)
    if not s then return {'stale'} end
    levels[i] = level(spec, s, limit_of(spec))
  end
  return {'levels', levels}
end
