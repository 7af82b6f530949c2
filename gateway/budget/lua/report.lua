-- report: usage that was consumed elsewhere, charged whether there is room or not, once per id.
-- in   {'report', base, id, tombstone key, digest, life ms, specs, amounts, roll-up, who}
--      digest: of what is reported; the id is remembered with it for `life` ms
-- out  {'reported', levels} | {'already', levels}: the same was reported under this id | {'conflict'}: something else
--      was | {'stale'}

local function report(op)
  local _, _, id, tombstone, digest, life_ms, specs, amounts, rollup, who = unpack(op)
  local before, states, levels, entries, changes = redis.call('GET', key(tombstone)), {}, {}, {}, {}
  if before and before ~= 'i' .. digest then return {'conflict'} end
  for i, spec in ipairs(specs) do
    local s = roll(spec)
    if not s then return {'stale'} end
    if not before then
      entries[i] = entry_of(spec, s, 0)
      changes[i] = change(entries[i][E_STATE], entries[i][E_BUCKETS], entries[i], amounts[i], 0)
      s.used = s.used + amounts[i]
      if s.mark < 0 and amounts[i] > 0 then s.mark = s.start end
      states[i], changes[i].state = s, s
    end
    levels[i] = level(spec, s, limit_of(spec))
  end
  if before then return {'already', levels} end
  named(rollup)
  local fresh, trim = new_keys(rollup), trimming()
  redis.call('SET', key(tombstone), 'i' .. digest, 'PX', text(life_ms))
  for i, spec in ipairs(specs) do save(spec, states[i]) end
  apply(changes)
  add_rollup(rollup, fresh)
  record(trim, 'reported', id, who, NOW, entries, amounts)
  return {'reported', levels}
end
