ALTER TABLE "TokenBalance"
  ADD CHECK ("rank" >= 0),
  ADD CHECK ("priceUsd" >= 0 AND "quantity" >= 0);
