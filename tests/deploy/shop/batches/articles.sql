SELECT DISTINCT article FROM `shop_goods.articles` WHERE day = @date ORDER BY article
