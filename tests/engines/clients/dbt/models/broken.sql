select amount from {{ ref('stg_orders') }} where password = 'hunter2'
