-- dispatch: runs the operations of a batch one by one; one that fails does not hurt the others.

local operations = {
  reserve = reserve, settle = settle, together = together, extend = extend, report = report, expired = expired,
  reap = reap, read = read, override = override,
}

local answers = {}
for i, op in ipairs(cmsgpack.unpack(ARGV[1])) do
  base = op[2]
  local fine, answer = pcall(operations[op[1]], op)
  if not fine and type(answer) == 'table' then answer = answer.err end
  answers[i] = fine and answer or {'error', tostring(answer)}
end
return cmsgpack.pack({NOW, answers, bring_all()})
