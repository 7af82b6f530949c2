-- together: the charges of calls that the store has never heard of, in the same budgets and windows; all of them or none.
-- in   {'together', base, {{call id, tombstone key, admitted ms, who, amounts}, ...}, entries, sums, roll-up}
--      entries as a settle's; amounts: one per entry; sums of the amounts; the roll-ups of all calls, added up
-- out  {'settled'} | {'apart'}: one of them is known, or too old to be believed: each is to be settled by itself

local function together(op)
  local _, _, calls, entries, sums, rollup = unpack(op)
  for _, call in ipairs(calls) do
    local is_known = redis.call('EXISTS', key(call[2])) == 1 or redis.call('HGET', LEASES, call[1])
    if is_known or NOW - call[3] > SETTLED_LIFE then return {'apart'} end
  end
  local changes = {}
  for i, entry in ipairs(entries) do
    local bucket_key = entry[E_BUCKETS] > 0 and key(entry[E_BUCKETS]) or ''
    changes[i] = change(key(entry[E_STATE]), bucket_key, entry, sums[i], 0)
  end
  named(rollup)
  local fresh, trim = new_keys(rollup), trimming()
  for _, call in ipairs(calls) do finish(call[1], key(call[2]), 's', SETTLED_LIFE) end
  apply(changes)
  add_rollup(rollup, fresh)
  for _, call in ipairs(calls) do record(trim, 'settled', call[1], call[4], call[3], entries, call[5]) end
  return {'settled'}
end
