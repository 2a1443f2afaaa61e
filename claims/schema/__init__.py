"""What a bureau can send and what the warehouse keeps: tables, columns, codes and mapping files, declared."""
