trigger CartTrigger on Account (before insert) {
  for (Account a : Trigger.new) { }
}
