-- invariant: Wallet addresses are well-formed
-- severity: error
-- expect: none
-- key: id
-- description: 0x and 40 hexadecimal digits. The rule of the constraint wallet_address_format.
SELECT "id", "address", "chainId"
FROM "Wallet"
WHERE "address" !~ '^0x[a-fA-F0-9]{40}$';
